/** A box over the page which keeps the focus until it is closed, by its buttons or by Escape. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface DialogProps {
  readonly label: string;
  readonly name: string;
  close(): void;
  readonly children: ComponentChildren;
}

/** Who was at work before goes on there, if the focus is nowhere now and the element still stands. */
export function giveBack(before: Element | null): void {
  const lost = document.activeElement === null || document.activeElement === document.body;
  if (lost && before instanceof HTMLElement && before.isConnected) before.focus();
}

export function Dialog({ label, name, close, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => giveBack(before);
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-label={label} data-testid={name} onClose={close}>
      {children}
    </dialog>
  );
}
