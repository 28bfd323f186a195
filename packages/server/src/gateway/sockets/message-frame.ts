/** The longest payload whose length fits into a short head of a WebSocket frame (RFC 6455, section 5.2). */
export const maxFramedBytes = 0xffff;

const textFrame = 0x81;
const binaryFrame = 0x82;

/**
 * A complete server message as bytes on the wire: head and payload. Servers do not mask, so the same bytes serve any
 * number of sockets. Undefined for a message longer than {@link maxFramedBytes}: copying it would cost more than a
 * second write.
 */
export function frameMessage(message: Uint8Array | string): Buffer | undefined {
  const size = typeof message === "string" ? Buffer.byteLength(message) : message.length;
  if (size > maxFramedBytes) return undefined;
  const head = size < 126 ? 2 : 4;
  const frame = Buffer.allocUnsafe(head + size);
  frame[0] = typeof message === "string" ? textFrame : binaryFrame;
  if (size < 126) frame[1] = size;
  else {
    frame[1] = 126;
    frame.writeUInt16BE(size, 2);
  }
  if (typeof message === "string") frame.write(message, head);
  else frame.set(message, head);
  return frame;
}
