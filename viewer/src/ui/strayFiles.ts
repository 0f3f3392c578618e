/** Files that are dropped where nothing takes them: the browser would open them instead of the page, and what is unsaved is gone. */

function refuse(event: DragEvent): void {
  const { dataTransfer } = event;
  if (!dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  dataTransfer.dropEffect = "none"; // who takes them says so after this
}

export function refuseStrayFiles(): () => void {
  const closing = new AbortController();
  for (const kind of ["dragover", "drop"] as const) document.addEventListener(kind, refuse, { capture: true, signal: closing.signal });
  return () => closing.abort();
}
