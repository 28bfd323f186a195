/** Levels that what is stored may have: all that the encoder makes, whatever a client may send. */
export const storedDepth = 1_010;
