/** The longest delay of a timer, in milliseconds: with more it would fire at once. */
export const maxTimeoutMs = 2_147_483_647;
