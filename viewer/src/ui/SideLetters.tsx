/** At the four sides of a picture, which side of the patient lies there. */

import { orientationLetters } from "@/dicomweb/frames";
import { Tag } from "@/dicomweb/json";

const SIDES = ["left", "right", "top", "bottom"] as const;

interface SideLettersProps {
  /** Of the four sides; undefined where they are not known. */
  readonly letters: ReturnType<typeof orientationLetters>;
}

export function SideLetters({ letters }: SideLettersProps) {
  if (!letters) return null;
  return (
    <>
      {SIDES.map((side) => (
        <span key={side} class={`letter letter-${side}`} data-testid={`orientation-${side}`}>
          {letters[side]}
        </span>
      ))}
    </>
  );
}

/** For directions of the picture's rows and columns in the patient, six. */
export function DirectionLetters({ cosines }: { readonly cosines: readonly number[] | undefined }) {
  return <SideLetters letters={cosines && orientationLetters({ [Tag.ImageOrientationPatient]: { vr: "DS", Value: [...cosines] } })} />;
}
