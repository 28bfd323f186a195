/** One message of a viewer, as the peer's data channel has them: an opcode, the length of the rest, the rest. */
export type InputMessage =
  | { readonly type: "move"; readonly x: number; readonly y: number }
  | { readonly type: "scroll"; readonly deltaX: number; readonly deltaY: number; readonly ctrl: boolean }
  | { readonly type: "key"; readonly keysym: number; readonly down: boolean }
  | { readonly type: "button"; readonly button: number; readonly down: boolean };

const headerBytes = 3;
/** Keysyms have 29 bits. Source: appendix A of the X Window System Protocol. */
const maxKeysym = 0x1fff_ffff;
const maxButton = 3;

/** Decodes one message, big-endian; undefined if it is malformed. */
export function decodeInput(bytes: Buffer): InputMessage | undefined {
  if (bytes.length < headerBytes || bytes.readUInt16BE(1) !== bytes.length - headerBytes) return undefined;
  const body = bytes.subarray(headerBytes);
  switch (bytes[0]) {
    case 1:
      return body.length === 4
        ? { type: "move", x: body.readUInt16BE(0), y: body.readUInt16BE(2) }
        : undefined;
    case 2:
      return decodeScroll(body);
    case 3:
    case 4:
      return decodeKey(body, bytes[0] === 3);
    case 5:
    case 6:
      return decodeButton(body, bytes[0] === 5);
    default:
      return undefined;
  }
}

function decodeScroll(body: Buffer): InputMessage | undefined {
  if (body.length !== 5) return undefined;
  const [deltaX, deltaY] = [body.readInt16BE(0), body.readInt16BE(2)];
  return { type: "scroll", deltaX, deltaY, ctrl: body[4] !== 0 };
}

function decodeKey(body: Buffer, down: boolean): InputMessage | undefined {
  if (body.length !== 4) return undefined;
  const keysym = body.readUInt32BE(0);
  return keysym >= 1 && keysym <= maxKeysym ? { type: "key", keysym, down } : undefined;
}

function decodeButton(body: Buffer, down: boolean): InputMessage | undefined {
  if (body.length !== 4) return undefined;
  const button = body.readUInt32BE(0);
  return button >= 1 && button <= maxButton ? { type: "button", button, down } : undefined;
}
