import type { ComponentChildren, Ref } from "preact";

interface ScrollProps {
  readonly label: string;
  readonly place?: Ref<HTMLDivElement>;
  readonly children: ComponentChildren;
}

/** What is read by scrolling, with the keys too: those of the images have no meaning in it. */
export function Scroll({ label, place = null, children }: ScrollProps) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll only what has the focus
    <div ref={place} class="document-scroll" data-keys="own" tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  );
}
