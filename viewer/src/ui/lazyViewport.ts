/** The chunk with the diagnostic viewport: loaded once, when it is needed or the reader is idle. */

import { loadStudyScreen } from "@/ui/lazyStudy";
import type { ViewportModule } from "@/viewport/contract";

let loading: Promise<ViewportModule> | undefined;

/** Rejects when it cannot be fetched; the next call tries again. */
export function loadViewport(): Promise<ViewportModule> {
  // oxlint-disable-next-line no-restricted-imports -- this is the place it names
  loading ??= import("@/viewport/index").catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

const IDLE_AFTER_MS = 2000;

/** Fetch it while the reader looks at the worklist, unless the browser was told to save data; returns how to stop. */
export function loadViewportWhenIdle(): () => void {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  if (connection?.saveData) return () => {};
  loadStudyScreen();
  const timer = setTimeout(() => void loadViewport().catch(() => {}), IDLE_AFTER_MS);
  return () => clearTimeout(timer);
}

/** Drop pixels and measurements from memory, if there are any. */
export async function forgetPictures(): Promise<void> {
  if (loading) (await loading).forget();
}
