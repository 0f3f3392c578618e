/** The dialog around what is taken out of sight: beneath it stands what can be brought back. */

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import { t } from "@/i18n";
import type { Deletion, Deletions } from "@/model/deletions";
import { Dialog } from "@/ui/Dialog";
import { FailureNote } from "@/ui/FailureNote";
import { DeletionList } from "@/worklist/DeletionList";
import "@/worklist/deletion.css";

interface DeletionFrameProps {
  readonly name: "deletion" | "rejection";
  readonly heading: string;
  readonly deletions: Deletions;
  readonly busy: boolean;
  /** Above what can be brought back; "" where the dialog is about nothing else. */
  readonly undoable: string;
  /** Whether it is listed though there is nothing. */
  readonly listsNothing: boolean;
  /** Whether something is still to be decided, which closing gives up. */
  readonly undecided: boolean;
  nameOf(one: Deletion): string;
  restore(id: string): void;
  close(): void;
  readonly children: ComponentChildren;
}

export function DeletionFrame({ name, heading, deletions, busy, undoable, listsNothing, undecided, nameOf, restore, close, children }: DeletionFrameProps) {
  useEffect(() => void deletions.load(), [deletions]);
  const isListed = listsNothing || deletions.open.value.length > 0;
  return (
    <Dialog label={heading} name={name} close={close}>
      <h2>{heading}</h2>
      {deletions.failure.value && <FailureNote failure={deletions.failure.value} />}
      {children}
      {isListed && undoable !== "" && <h3>{undoable}</h3>}
      {isListed && <DeletionList deletions={deletions} name={nameOf} busy={busy} restore={restore} />}
      <button type="button" class="button" data-testid={`${name}-close`} onClick={close}>
        {t(undecided ? "dialog.cancel" : "dialog.close")}
      </button>
    </Dialog>
  );
}
