/** A file that the browser made is handed to the reader, as a download. */

const KEPT_MS = 60_000;

export function handOver(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS); // some browsers fetch it after the click
}
