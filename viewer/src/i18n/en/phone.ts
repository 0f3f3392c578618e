/** What a phone shows, and what is said without a connection. */

export const phone = {
  "phone.panes": "Viewports",
} as const;
