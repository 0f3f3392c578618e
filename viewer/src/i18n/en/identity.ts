/** Whose picture, which examination, from which side; how pictures go together. */

export const identity = {
  "patient.age.days": { one: "{count} day", other: "{count} days" },
  "patient.age.months": { one: "{count} month", other: "{count} months" },
  "patient.age.years": { one: "{count} year", other: "{count} years" },

  "projection.noSide": "Side not stated",

  "turned.horizontally": "Flipped ↔",
  "turned.vertically": "Flipped ↕",
  "turned.rotated": "Rotated {degrees}°",

  "viewport.position": "Position {mm} mm",

  "mpr.slab.single": "Single plane",

  "linked.place": "Scrolled together by place",
  "linked.distance": "Scrolled together by distance",
  "linked.off": "Scroll together",
  "linked.offset": "Scrolled together by distance, offset {mm} mm",

  "compare.others": { one: "{count} other examination", other: "{count} other examinations" },
  "compare.earlierCount": { one: "{count} earlier examination", other: "{count} earlier examinations" },
} as const;
