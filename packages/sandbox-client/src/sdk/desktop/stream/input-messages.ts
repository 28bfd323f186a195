/** Input messages: an opcode, the length of the rest, the rest; big-endian, as the peer's server takes them. */

export const opcodes = { keyDown: 3, keyUp: 4, buttonDown: 5, buttonUp: 6 } as const;

const headerBytes = 3;
const maxCoordinate = 0xffff;
const maxDelta = 0x7fff;

function message(opcode: number, bytes: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(headerBytes + bytes));
  view.setUint8(0, opcode);
  view.setUint16(1, bytes);
  return view;
}

export function moveMessage(x: number, y: number): ArrayBuffer {
  const view = message(1, 4);
  view.setUint16(headerBytes, clamp(x, 0, maxCoordinate));
  view.setUint16(headerBytes + 2, clamp(y, 0, maxCoordinate));
  return view.buffer;
}

/** `deltaX` and `deltaY` are pixels, as in the wheel events of browsers. */
export function scrollMessage(deltaX: number, deltaY: number): ArrayBuffer {
  const view = message(2, 5);
  view.setInt16(headerBytes, clamp(deltaX, -maxDelta, maxDelta));
  view.setInt16(headerBytes + 2, clamp(deltaY, -maxDelta, maxDelta));
  return view.buffer;
}

/** A key by its keysym, or a button from 1 to 3. */
export function valueMessage(opcode: (typeof opcodes)[keyof typeof opcodes], value: number): ArrayBuffer {
  const view = message(opcode, 4);
  view.setUint32(headerBytes, value);
  return view.buffer;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Math.round(value) || 0));
}
