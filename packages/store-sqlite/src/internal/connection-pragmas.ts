/** The pragmas of every connection to a store. */
export const connectionPragmas = `
  PRAGMA synchronous = NORMAL;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA cache_size = -16384;
  PRAGMA trusted_schema = OFF;
`;
