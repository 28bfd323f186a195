export type Argument = string | number | Buffer | Uint8Array;
/** A command and its arguments. */
export type Command = readonly [name: string, ...args: Argument[]];
/** What a server answers: bytes, numbers, nothing, or a list of these. */
export type Reply = Buffer | number | null | readonly Reply[];
