/** Where a replay came to an end: what is new is not done while rollbacks are collected. */
export class ReplayEnd extends Error {}
