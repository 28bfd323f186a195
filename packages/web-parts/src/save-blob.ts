/** Has the browser save a blob as a file. */
export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // After the click the browser has its own reference to the content.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
