/** Studies that administrators delete, and bring back. */

export const deletion = {
  "deletion.open": "Delete…",
  "deletion.heading": "Delete studies",
  "deletion.explain": "They go out of sight for everybody at once. They can be restored below until the node erases them.",
  "deletion.reason": "Reason, for the record",
  "deletion.do": { one: "Delete {count} study", other: "Delete {count} studies" },
  "deletion.undoable": "Deleted and rejected, can be restored",
  "deletion.nothing": "Nothing that could be restored.",
  "deletion.until": "until {when}",
  "deletion.restore": "Restore",
} as const;
