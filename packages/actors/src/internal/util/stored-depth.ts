/**
 * Levels that what is stored may have: all that the encoder makes, whatever a client may send. To the decoder a
 * set has two, its tag and its list.
 */
export const maxStoredDepth = 2_010;
