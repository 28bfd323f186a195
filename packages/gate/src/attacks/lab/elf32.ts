/** The smallest 32-bit Linux program: exit(code) through `int 0x80`, for the test of the architecture check. */
export function elf32Exit(code: number): Buffer {
  const base = 0x08048000;
  const headers = 52 + 32;
  // mov eax, 1; mov ebx, code; int 0x80
  const text = Buffer.from([0xb8, 1, 0, 0, 0, 0xbb, code, 0, 0, 0, 0xcd, 0x80]);
  const file = Buffer.alloc(headers + text.length);
  // ELF32, little-endian, version 1 (System V ABI).
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(3, 18); // EM_386
  file.writeUInt32LE(1, 20);
  file.writeUInt32LE(base + headers, 24);
  file.writeUInt32LE(52, 28);
  file.writeUInt16LE(52, 40);
  file.writeUInt16LE(32, 42);
  file.writeUInt16LE(1, 44);
  // One loaded, executable segment: the complete file.
  file.writeUInt32LE(1, 52);
  file.writeUInt32LE(0, 56);
  file.writeUInt32LE(base, 60);
  file.writeUInt32LE(base, 64);
  file.writeUInt32LE(file.length, 68);
  file.writeUInt32LE(file.length, 72);
  file.writeUInt32LE(5, 76);
  file.writeUInt32LE(0x1000, 80);
  text.copy(file, headers);
  return file;
}
