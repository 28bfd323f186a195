/**
 * Maximum nesting depth of stored values: everything that the encoder produces, whatever clients may send. A set
 * counts as two levels in the decoder, its tag and its list.
 */
export const maxStoredDepth = 2_010;
