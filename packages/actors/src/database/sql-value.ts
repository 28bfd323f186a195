/** Values that a statement takes. An array of numbers is bytes, a boolean is 1 or 0. */
export type SqlValue = null | number | string | bigint | Uint8Array | number[] | boolean;
