/** What the service puts in front of sw.js. */
declare const SHELL: { version: string; files: string[] };

/** TypeScript 4.8 has left it out of the worker's library. */
interface AbortController {
  abort(): void;
}
