import { readFileSync } from 'node:fs';
import { type PageData } from './page-data.js';
import { stringify } from './snapshot-text.js';

/** What the build made of the page's own code and style. */
const part = (name: string): string => readFileSync(new URL(`page/${name}`, import.meta.url), 'utf8');

/** Nothing is loaded from anywhere; only a page of the live server asks, the server it came from. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const BODY = `
<header>
  <div class="top">
    <h1 id="title"></h1>
    <label id="picturing" hidden>picture <select id="pictures"></select></label>
    <span id="live" class="tools" hidden>
      <label id="heaping" hidden>heap <select id="heaps"></select></label>
      <span id="state" class="state stopped" role="status">asking</span>
      <button id="pause" type="button">Pause</button>
      <span id="coarse" class="soft" hidden>Single blocks are left out of live pictures of a heap as large as this.</span>
    </span>
  </div>
  <dl id="cards" class="cards"></dl>
</header>
<main>
  <section id="timing" class="wide" aria-labelledby="timing-title" hidden>
    <h2 id="timing-title">Over time</h2>
    <div id="timeline"></div>
    <ul class="keys">
      <li><i style="background:var(--text)"></i>committed</li>
      <li><i style="background:var(--live)"></i>live</li>
      <li id="taking"><i style="background:var(--mark)"></i>a picture was taken</li>
    </ul>
  </section>
  <section aria-labelledby="map-title">
    <div class="tools">
      <h2 id="map-title">Segments</h2>
      <fieldset>
        <legend>coloured by</legend>
        <label><input type="radio" name="by" value="state" checked> state</label>
        <label><input type="radio" name="by" value="class"> class</label>
        <label><input type="radio" name="by" value="owner"> owner</label>
      </fieldset>
      <span id="scale" class="soft"></span>
    </div>
    <canvas id="map" tabindex="0" role="img"
      aria-label="Map of the region. Arrow keys go from cell to cell, Page Up and Down from segment to segment, Enter chooses one."></canvas>
    <ul id="keys" class="keys"></ul>
    <p id="said" class="unseen" role="status"></p>
  </section>
  <section aria-labelledby="search-title">
    <h2 id="search-title">Address</h2>
    <form id="search" class="tools" role="search">
      <input id="address" type="search" aria-label="address, decimal or hex" placeholder="0x3f2a40 or 4139584" spellcheck="false" autocomplete="off">
      <button>Find</button>
    </form>
    <p id="answer" class="answer" role="status"></p>
    <div id="detail"></div>
  </section>
  <section class="wide" aria-labelledby="classes-title">
    <h2 id="classes-title">By size class</h2>
    <div id="classes" class="scroll" tabindex="0" role="region" aria-labelledby="classes-title"></div>
  </section>
  <section class="wide" aria-labelledby="workers-title">
    <h2 id="workers-title">By worker</h2>
    <div id="workers" class="scroll" tabindex="0" role="region" aria-labelledby="workers-title"></div>
  </section>
</main>`;

/** The page as HTML. Without data it is the live server's, which asks for its data. */
export function pageOf(data?: PageData): string {
  const inside = data === undefined ? '' : stringify(data).replaceAll('<', '\\u003c');
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(data?.title ?? 'sabmalloc, live')}</title>`,
    `<style>${part('style.css')}</style>`,
    '</head>',
    `<body>${BODY}`,
    `<script type="application/json" id="data">${inside}</script>`,
    `<script>${part('main.js').replaceAll('</script', '<\\/script')}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}
