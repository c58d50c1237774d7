import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A malloc that takes the place of the C library's by LD_PRELOAD. */
export interface NativeLibrary {
  readonly name: string;
  /** Environment variable that names its file. */
  readonly variable: string;
  readonly soname: string;
  readonly debianPackage: string;
  /** What its manual advises for throughput, as environment variables; yours come first. */
  readonly tuning: Readonly<Record<string, string>>;
}

export const NATIVE_LIBRARIES: readonly NativeLibrary[] = [
  {
    name: 'mimalloc',
    variable: 'BENCH_MIMALLOC',
    soname: 'libmimalloc.so.2',
    debianPackage: 'libmimalloc2.0',
    tuning: {},
  },
  {
    name: 'jemalloc',
    variable: 'BENCH_JEMALLOC',
    soname: 'libjemalloc.so.2',
    debianPackage: 'libjemalloc2',
    // TUNING.md of jemalloc 5.3: "prioritizing CPU utilization".
    tuning: { MALLOC_CONF: 'background_thread:true,metadata_thp:auto,dirty_decay_ms:30000,muzzy_decay_ms:30000' },
  },
  {
    name: 'tcmalloc',
    variable: 'BENCH_TCMALLOC',
    soname: 'libtcmalloc_minimal.so.4',
    debianPackage: 'libtcmalloc-minimal4',
    tuning: {},
  },
];

const FOLDERS = ['/usr/lib', '/usr/local/lib', '/usr/lib64', '/lib'];

/** Lines such as `libjemalloc.so.2 (libc6,x86-64) => /lib/x86_64-linux-gnu/libjemalloc.so.2`. */
function linkerCache(): string {
  try {
    return execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

function knownToLinker(soname: string): string | undefined {
  const line = linkerCache()
    .split('\n')
    .find((entry) => entry.trim().startsWith(`${soname} `));
  return line?.split('=> ')[1]?.trim();
}

/** In the usual folders, or in one for this architecture in them. */
function inFolders(soname: string): string | undefined {
  return FOLDERS.filter((folder) => existsSync(folder))
    .flatMap((folder) => [
      folder,
      ...readdirSync(folder)
        .filter((name) => name.endsWith('-gnu'))
        .map((name) => join(folder, name)),
    ])
    .map((folder) => join(folder, soname))
    .find((path) => existsSync(path));
}

export function findLibrary({ variable, soname }: NativeLibrary): string | undefined {
  const named = process.env[variable];
  if (named !== undefined) return existsSync(named) ? named : undefined;
  return knownToLinker(soname) ?? inFolders(soname);
}

export function howToGet({ variable, soname, debianPackage }: NativeLibrary): string {
  const named = process.env[variable];
  const what = named === undefined ? `${soname} was not found` : `${variable} names ${named}, which does not exist`;
  return `${what}. Get it (Debian and Ubuntu: apt-get install ${debianPackage}) or name its file in the environment variable ${variable}.`;
}

/** The environment that puts `library`, or nothing, in the place of the C library's malloc. */
export function environmentOf(library: NativeLibrary | undefined): NodeJS.ProcessEnv {
  const preload = library === undefined ? '' : (findLibrary(library) ?? library.soname);
  return { ...library?.tuning, ...process.env, LD_PRELOAD: preload };
}
