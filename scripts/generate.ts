import { readFileSync, writeFileSync } from 'node:fs';
import { egressPage } from './generate-egress-page.js';
import { offsetsSource } from './generate-offsets.js';
import { presetsSchema, presetsSource } from './generate-presets.js';
import { presetsPage } from './generate-presets-page.js';

const root = new URL('../', import.meta.url);
const write = (path: string, text: string): void => writeFileSync(new URL(path, root), text);

write('src/layout/offsets.generated.ts', offsetsSource());
const presets = new URL('presets/', root);
write('src/config/presets.generated.ts', presetsSource(presets));
write('presets/schema.json', presetsSchema(presets));

// Read only now: the documents come from modules that import what was just written.
const { classesPage, configurationPage, layoutPage } = await import('./generate-docs.js');
write('docs/LAYOUT.md', layoutPage());
write('docs/SIZE-CLASSES.md', classesPage());
write('docs/CONFIGURATION.md', configurationPage());
const presetsPath = new URL('docs/PRESETS.md', root);
write('docs/PRESETS.md', presetsPage(readFileSync(presetsPath, 'utf8'), new URL('docs/figures/presets.json', root)));
const egressPath = new URL('docs/EGRESS.md', root);
write('docs/EGRESS.md', egressPage(readFileSync(egressPath, 'utf8'), new URL('docs/figures/egress.json', root)));
