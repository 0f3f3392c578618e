/** One part of the settings under its heading. */

import type { ComponentChildren } from "preact";

interface SectionProps {
  readonly heading: string;
  readonly name: string;
  readonly children: ComponentChildren;
}

export function Section({ heading, name, children }: SectionProps) {
  return (
    <section class="device" data-testid={`settings-${name}`}>
      <h2>{heading}</h2>
      {children}
    </section>
  );
}
