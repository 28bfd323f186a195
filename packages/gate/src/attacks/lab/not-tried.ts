/** Thrown by a row that cannot be tried on this machine, with the reason. */
export class NotApplicable extends Error {
  override readonly name = "NotTried";
}
