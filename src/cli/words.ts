/** Numbers as they are shown. */
export const grouped = (count: number): string => count.toLocaleString('en-US');
export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
