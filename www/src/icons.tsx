/** Drawn by hand on a grid of 20, in the colour of the text around. None says anything that no words say beside it. */

const PATHS = {
  order: "M4 6h12l-1 10H5L4 6Zm3 0a3 3 0 0 1 6 0",
  tab: "M3 5h14v11H3V5Zm0 3.5h14M10 11v3m-1.5-1.5h3",
  close: "M3 5h14v11H3V5Zm5 3.5 4 4m0-4-4 4",
  hang: "M6 3h8M6 17h8M7 3c0 4 6 4 6 7s-6 3-6 7m6-14c0 4-6 4-6 7s6 3 6 7",
  cut: "M3 3l14 14M5 9a8 8 0 0 1 3-2m3.5-.4A8 8 0 0 1 15 9M7.5 11.7A4 4 0 0 1 10 11m0 4h.01",
  restart: "M15.5 10A5.5 5.5 0 1 1 13.5 5.7M14 2.5v3.5h-3.5",
  rush: "M11 2 4 11.5h5L8.5 18 16 8.5h-5L11 2Z",
  device: "M7 2.5h6a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1Zm2 12.5h2",
  user: "M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4Zm-6 6.5c.5-3.2 3-4.5 6-4.5s5.5 1.3 6 4.5",
  refuse: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM5.2 5.2l9.6 9.6",
  sun: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM10 2v1.5m0 13V18m8-8h-1.5m-13 0H2m13.6-5.6-1 1m-9.2 9.2-1 1m11.2 0-1-1M5.4 5.4l-1-1",
  moon: "M16 12A6.5 6.5 0 0 1 8 4a6.5 6.5 0 1 0 8 8Z",
  server: "M4 4h12v5H4V4Zm0 7h12v5H4v-5Zm3-4.5h.01M7 13.5h.01",
  crown: "M3.5 14.5 2.5 6l4 3.2L10 4l3.5 5.2 4-3.2-1 8.5h-13Z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" />
      <path d="M7 10.5h18M16 10.5V22M11 16.5h10" />
    </svg>
  );
}
