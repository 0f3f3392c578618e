/** A field of a form with its name, and what is wrong in it. */

import type { InputHTMLAttributes } from "preact";

interface FormFieldProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  /** "" for nothing. */
  readonly mistake: string;
  /** What else is said of the field to the browser. */
  readonly input?: InputHTMLAttributes;
  change(value: string): void;
}

export function FormField({ label, name, value, mistake, input, change }: FormFieldProps) {
  const id = `${name}-mistake`;
  return (
    <label class="field">
      <span>{label}</span>
      <input
        {...input}
        name={name}
        data-testid={name}
        value={value}
        aria-invalid={mistake !== ""}
        aria-describedby={mistake === "" ? undefined : id}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <FieldMistake id={id} mistake={mistake} />
    </label>
  );
}

/** What is wrong in a field; nothing where nothing is. */
export function FieldMistake({ id, mistake }: { readonly id: string; readonly mistake: string }) {
  if (mistake === "") return null;
  return (
    <strong class="field-mistake" id={id} role="alert" data-testid={id}>
      {mistake}
    </strong>
  );
}
