/**
 * CBOR tags of the structured types. Those of typed arrays are registered (RFC 8746); numbers from 40500 are private.
 * Published numbers never change meaning.
 */
export const tag = {
  positiveBigint: 2,
  negativeBigint: 3,
  set: 258,
  map: 259,
  regExp: 21066,
  arrayBuffer: 40500,
  /** String that is not well-formed Unicode, as UTF-16LE code units. */
  looseString: 40501,
  /** Milliseconds since the epoch, NaN for an invalid date. */
  date: 40502,
  /** `[name, message]`. Stacks never leave the process. */
  error: 40503,
} as const;

/** A tag that our own values do not have, for `encodeValue` with `forOthers`. */
export class CborTag {
  readonly number: number;
  readonly content: unknown;

  constructor(number: number, content: unknown) {
    this.number = number;
    this.content = content;
  }
}

export type TypedArrayConstructor =
  | Uint8ClampedArrayConstructor
  | Uint16ArrayConstructor
  | Uint32ArrayConstructor
  | BigUint64ArrayConstructor
  | Int8ArrayConstructor
  | Int16ArrayConstructor
  | Int32ArrayConstructor
  | BigInt64ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor;

/** RFC 8746 tags (little-endian) of every typed array except Uint8Array, which is a plain byte string. */
export const typedArrayTags: ReadonlyMap<number, TypedArrayConstructor> = new Map<
  number,
  TypedArrayConstructor
>([
  [68, Uint8ClampedArray],
  [69, Uint16Array],
  [70, Uint32Array],
  [71, BigUint64Array],
  [72, Int8Array],
  [77, Int16Array],
  [78, Int32Array],
  [79, BigInt64Array],
  [85, Float32Array],
  [86, Float64Array],
]);

const tagByConstructor = new Map<unknown, number>(
  [...typedArrayTags].map(([number, ctor]) => [ctor, number]),
);

/** Tag of a typed array other than Uint8Array, or undefined. */
export function typedArrayTag(value: ArrayBufferView): number | undefined {
  return tagByConstructor.get(value.constructor);
}
