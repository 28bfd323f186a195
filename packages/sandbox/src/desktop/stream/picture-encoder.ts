import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Managed } from "../../processes/managed.ts";
import { endCapture, type StreamedScreen, startCapture } from "./ffmpeg.ts";
import { MultipartParser } from "./multipart.ts";

/** Of 2 (best) to 31: text stays sharp, and a full screen has some 100 KB. */
const jpegScale = 5;

/**
 * Pictures of the screen as JPEG, for viewers whom UDP does not reach. ffmpeg sends them through a Unix socket, as
 * the output of a managed process goes to its log.
 */
export class PictureEncoder {
  readonly process: Managed;
  readonly #server: Server;
  readonly #path: string;

  private constructor(process: Managed, server: Server, path: string) {
    this.process = process;
    this.#server = server;
    this.#path = path;
  }

  /** Calls `onPicture` with each picture that differs from the one before. */
  static async start(
    screen: StreamedScreen,
    directory: string,
    onPicture: (jpeg: Buffer) => void,
  ): Promise<PictureEncoder> {
    const path = join(directory, "pictures.sock");
    await rm(path, { force: true });
    const server = createServer((socket) => {
      // One program connects. Whoever else has access to the directory is the same user.
      server.close();
      readPictures(socket, onPicture);
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
    try {
      const process = await startCapture(screen, [
        ...["-c:v", "mjpeg", "-q:v", String(jpegScale), "-threads", "1"],
        ...["-flush_packets", "1", "-f", "mpjpeg", `unix:${path}`],
      ]);
      return new PictureEncoder(process, server, path);
    } catch (error) {
      server.close();
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#server.close();
    await endCapture(this.process);
    await rm(this.#path, { force: true });
  }
}

function readPictures(socket: Socket, onPicture: (jpeg: Buffer) => void): void {
  const parser = new MultipartParser();
  let previous: Buffer | undefined;
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    try {
      for (const picture of parser.push(chunk)) {
        // Equal pixels have equal bytes: nothing moved.
        if (previous?.equals(picture)) continue;
        previous = picture;
        onPicture(picture);
      }
    } catch {
      // ffmpeg fails with its closed output, which is reported.
      socket.destroy();
    }
  });
}
