/** The dialog that deletes, fetched when somebody opens it. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { App } from "@/model/app";
import type { DeletionDialog } from "@/worklist/DeletionDialog";

const dialog = signal<typeof DeletionDialog | undefined>(undefined);

interface LazyDeletionProps {
  readonly app: App;
  close(): void;
}

export function LazyDeletion({ app, close }: LazyDeletionProps) {
  useEffect(() => {
    import("@/worklist/DeletionDialog").then((module) => {
      dialog.value = module.DeletionDialog;
    }, close); // asked for again by the next press
  }, [app]);
  const Dialog = dialog.value;
  return Dialog ? <Dialog http={app.http} worklist={app.worklist} close={close} /> : null;
}
