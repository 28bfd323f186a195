/** Capture of the screen: its pixels, the cursor, and the encoding of images. */

import { Mutex } from "../../internal/mutex.ts";
import type { Region } from "../types.ts";
import type { XConnection } from "../x/connection.ts";
import type { XCursorImage, XSharedMemory, XSharedSegment } from "../x/protocol.ts";

/** Pixels of a part of the screen: four bytes each (blue, green, red, unused), row after row. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

/** Source of pictures: screenshots use it, and whatever streams the screen. */
export interface ScreenCapture {
  readonly width: number;
  readonly height: number;
  /**
   * Captures a part of the screen, inside of it, and calls `use` with it. The frame is valid only during that call,
   * because its memory is used again.
   */
  capture<T>(region: Region, showCursor: boolean, use: (frame: Frame) => T): Promise<T>;
  close(): void;
}

const allPlanes = 0xffff_ffff;
/** Format of an image: whole pixels, not planes of bits. */
const zPixmap = 2;
const bytesPerPixel = 4;

/** Captures through memory that is shared with the X server, or through the connection if that is not possible. */
export class XScreenCapture implements ScreenCapture {
  readonly #connection: XConnection;
  readonly #segment: XSharedSegment | undefined;
  readonly #mutex = new Mutex();

  private constructor(connection: XConnection, segment: XSharedSegment | undefined) {
    this.#connection = connection;
    this.#segment = segment;
  }

  static async create(connection: XConnection): Promise<XScreenCapture> {
    const bytes = connection.width * connection.height * bytesPerPixel;
    const segment = await createSegment(connection, bytes).catch(() => undefined);
    return new XScreenCapture(connection, segment);
  }

  get width(): number {
    return this.#connection.width;
  }

  get height(): number {
    return this.#connection.height;
  }

  async capture<T>(region: Region, showCursor: boolean, use: (frame: Frame) => T): Promise<T> {
    return await this.#mutex.run(async () => {
      const cursor = showCursor
        ? await this.#connection.reply<XCursorImage>((_client, done) =>
            this.#connection.fixes.GetCursorImage(done),
          )
        : undefined;
      const pixels = await this.#pixels(region);
      if (cursor !== undefined) drawCursor(pixels, region, cursor);
      return use({ width: region.width, height: region.height, pixels });
    });
  }

  close(): void {
    this.#segment?.detach();
  }

  async #pixels({ x, y, width, height }: Region): Promise<Buffer> {
    const { root } = this.#connection;
    const segment = this.#segment;
    if (segment === undefined) {
      const image = await this.#connection.reply<{ readonly data: Buffer }>((client, done) =>
        client.GetImage(zPixmap, root, x, y, width, height, allPlanes, done),
      );
      return image.data;
    }
    const { size } = await this.#connection.reply<{ readonly size: number }>((_client, done) =>
      segment.getImage(root, x, y, width, height, allPlanes, zPixmap, 0, done),
    );
    return segment.buffer.subarray(0, size);
  }
}

async function createSegment(connection: XConnection, bytes: number): Promise<XSharedSegment | undefined> {
  const memory = await connection.reply<XSharedMemory>((client, done) => client.require("shm", done));
  if (!(await connection.reply<boolean>((_client, done) => memory.usable(done)))) return undefined;
  return await connection.reply<XSharedSegment>((_client, done) => memory.createSegment(bytes, done));
}

/** Draws the cursor, whose colors are multiplied with their opacity, over the pixels of `region`. */
function drawCursor(pixels: Buffer, region: Region, cursor: XCursorImage): void {
  const left = cursor.x - cursor.xhot - region.x;
  const top = cursor.y - cursor.yhot - region.y;
  for (let row = 0; row < cursor.height; row += 1) {
    for (let column = 0; column < cursor.width; column += 1) {
      const x = left + column;
      const y = top + row;
      if (x < 0 || y < 0 || x >= region.width || y >= region.height) continue;
      const from = (row * cursor.width + column) * bytesPerPixel;
      const to = (y * region.width + x) * bytesPerPixel;
      const rest = 255 - (cursor.cursorImage[from + 3] ?? 0);
      for (let channel = 0; channel < 3; channel += 1) {
        const below = pixels[to + channel] ?? 0;
        pixels[to + channel] = (cursor.cursorImage[from + channel] ?? 0) + Math.round((below * rest) / 255);
      }
    }
  }
}
