/** Ends a replay at the first operation that is not recorded, while rollbacks are collected. */
export class ReplayEnd extends Error {}
