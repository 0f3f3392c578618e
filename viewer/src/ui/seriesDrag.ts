/** What a dragged series is known by while it is over a viewport: its UID, and that of the object of it that is meant. */
export const SERIES_DRAG_TYPE = "application/x-suret-series";
