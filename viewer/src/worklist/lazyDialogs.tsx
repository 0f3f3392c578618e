/** What is done with studies that were selected, and the dialogs that delete, correct and merge, fetched when somebody asks for it. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { App } from "@/model/app";
import type { CorrectionDialog } from "@/worklist/CorrectionDialog";
import type { DeletionDialog } from "@/worklist/DeletionDialog";
import type { MergeDialog } from "@/worklist/MergeDialog";
import type { SelectionBar } from "@/worklist/SelectionBar";

const deletion = signal<typeof DeletionDialog | undefined>(undefined);
const merge = signal<typeof MergeDialog | undefined>(undefined);
const selection = signal<typeof SelectionBar | undefined>(undefined);
const correction = signal<typeof CorrectionDialog | undefined>(undefined);

export function LazySelectionBar({ app }: { readonly app: App }) {
  const selecting = app.worklist.selection.value !== undefined;
  useEffect(() => {
    if (!selecting) return;
    import("@/worklist/SelectionBar").then(
      (module) => {
        selection.value = module.SelectionBar;
      },
      () => {
        app.worklist.selection.value = undefined; // asked for again by the next press
      },
    );
  }, [app, selecting]);
  const Bar = selection.value;
  return Bar ? <Bar app={app} /> : null;
}

interface LazyDeletionProps {
  readonly app: App;
  close(): void;
}

export function LazyDeletion({ app, close }: LazyDeletionProps) {
  useEffect(() => {
    import("@/worklist/DeletionDialog").then((module) => {
      deletion.value = module.DeletionDialog;
    }, close); // asked for again by the next press
  }, [app]);
  const Dialog = deletion.value;
  return Dialog ? <Dialog http={app.http} worklist={app.worklist} deletes={app.session.deletes.value} close={close} /> : null;
}

export function LazyCorrection({ app, close, studyInstanceUid }: LazyDeletionProps & { readonly studyInstanceUid: string }) {
  useEffect(() => {
    import("@/worklist/CorrectionDialog").then((module) => {
      correction.value = module.CorrectionDialog;
    }, close);
  }, [app]);
  const Dialog = correction.value;
  return Dialog ? <Dialog http={app.http} worklist={app.worklist} studyInstanceUid={studyInstanceUid} merges={app.session.merges.value} close={close} /> : null;
}

export function LazyMerge({ app, close, studyInstanceUids }: LazyDeletionProps & { readonly studyInstanceUids: readonly [string, string] }) {
  useEffect(() => {
    import("@/worklist/MergeDialog").then((module) => {
      merge.value = module.MergeDialog;
    }, close);
  }, [app]);
  const Dialog = merge.value;
  return Dialog ? <Dialog http={app.http} worklist={app.worklist} studyInstanceUids={studyInstanceUids} close={close} /> : null;
}
