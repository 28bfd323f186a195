/** Limits of the product, checked by the server and said by the page. */
export const limits = {
  nameCharacters: 20,
  playersOfRoom: 8,
  /** Bots fill a room up to this number. */
  fighters: 5,
  /** How often places are freed. Who has lost the connection keeps place and points for one to two of these. */
  pruneEveryMs: 60_000,
  /** A player who does nothing for so long leaves the field until the next key. */
  idleMs: 60_000,
  /** A place that the lobby has promised, and that nobody has taken. */
  reservedMs: 15_000,
  rooms: 1_000,
  bestRounds: 10,
} as const;
