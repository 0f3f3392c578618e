/** What a phone shows, and what is said without a connection. */

export const phone = {
  "phone.panes": "Viewports",
  "offline.asOf": "Offline: as of {when}.",
  "offline.only": "Here are the studies opened lately on this device.",
  "offline.missing": "This is not kept on this device.",
  "offline.missing.hint": "Without a connection only studies opened lately on it can be seen.",
} as const;
