/** A number on the screen that survives the compression of video: one square for each bit, at the left of the top. */
export const counter = { bits: 8, pixels: 32 } as const;
