/** A page that takes its time: a millisecond or more, as one for which a data base is asked. */
export function render(page: number): string {
  let state = page + 1;
  const rows = Array.from({ length: 300 }, (_, row) => {
    for (let i = 0; i < 1000; i++) state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return `<tr><td>${row}</td><td>${state.toString(36)}</td></tr>`;
  });
  return `<!doctype html><title>${page}</title><h1>Page ${page}</h1><table>${rows.join('')}</table>`;
}
