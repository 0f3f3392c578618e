/** What makes reading possible for everyone: without a mouse, without dragging, with fingers. */

export const everyone = {
  "tool.steps": "Steps",
  "tool.steps.explain": "Pointer in steps: tools without dragging",
  "steps.label": "Pointer in steps: arrow keys move it, Enter presses and lets go",
  "steps.label.touch": "Pointer in steps: buttons move it, press and let go",
  "steps.left": "Left",
  "steps.right": "Right",
  "steps.up": "Up",
  "steps.down": "Down",
  "steps.fine": "Fine",
  "steps.press": "Pressed",
  "help.key.save": "Ctrl S",
  "help.key.leave": "Esc",
  "help.leave": "Close what is open; give up what is being drawn",
  "help.finger.one": "One finger",
  "help.finger.two": "Two fingers",
  "help.finger.flick": "Quick stroke",
  "help.finger.rest": "Resting finger",
  "help.two": "Move and magnify the image",
  "help.characters": "Keys of one letter, digit or sign are on",
} as const;
