/** What a timer can wait for at most, in milliseconds: one of more would fire at once. */
export const maxTimeoutMs = 2_147_483_647;
