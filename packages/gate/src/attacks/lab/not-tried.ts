/** Thrown by a row that cannot be tried on this machine, with the reason. */
export class NotTried extends Error {
  override readonly name = "NotTried";
}
