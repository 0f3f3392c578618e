/** A box over the page which keeps the focus until it is closed, by its buttons or by Escape. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface DialogProps {
  readonly label: string;
  readonly name: string;
  close(): void;
  readonly children: ComponentChildren;
}

export function Dialog({ label, name, close, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="dialog" aria-label={label} data-testid={name} onClose={close}>
      {children}
    </dialog>
  );
}
