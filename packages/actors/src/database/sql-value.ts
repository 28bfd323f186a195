/** Values that a statement accepts. An array of numbers is treated as bytes, a boolean as 1 or 0. */
export type SqlValue = null | number | string | bigint | Uint8Array | number[] | boolean;
