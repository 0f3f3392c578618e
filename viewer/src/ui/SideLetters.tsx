/** At the four sides of a picture, which side of the patient lies there. */

import { orientationLetters } from "@/dicomweb/frames";
import { Tag } from "@/dicomweb/json";

const SIDES = ["left", "right", "top", "bottom"] as const;

interface SideLettersProps {
  /** Directions of the picture's rows and columns in the patient, six. */
  readonly cosines: readonly number[] | undefined;
}

export function SideLetters({ cosines }: SideLettersProps) {
  const letters = cosines && orientationLetters({ [Tag.ImageOrientationPatient]: { vr: "DS", Value: [...cosines] } });
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
