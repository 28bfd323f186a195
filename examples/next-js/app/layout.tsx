import type { ReactNode } from "react";

export default function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        <title>Guests</title>
      </head>
      <body>{children}</body>
    </html>
  );
}
