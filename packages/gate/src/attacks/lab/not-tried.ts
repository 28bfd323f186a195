/** Thrown by an attempt that cannot be made on this machine, with the reason. */
export class NotApplicable extends Error {
  override readonly name = "NotTried";
}
