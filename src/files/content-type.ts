/** The media type of a file, by the end of its name. */
export function contentType(name: string): string {
  const extension = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  return types.get(extension) ?? 'application/octet-stream';
}

const text = '; charset=utf-8';

const types: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'text/html': 'html htm',
    'text/css': 'css',
    'text/csv': 'csv',
    'text/javascript': 'js mjs cjs',
    'text/markdown': 'md',
    'text/plain': 'txt log text c h cc cpp rs go py sh ts yaml yml toml ini conf pem',
    'application/json': 'json map',
    'application/manifest+json': 'webmanifest',
    'application/xml': 'xml',
    'application/wasm': 'wasm',
    'application/pdf': 'pdf',
    'application/zip': 'zip',
    'application/gzip': 'gz tgz',
    'application/zstd': 'zst',
    'application/x-tar': 'tar',
    'application/x-xz': 'xz',
    'application/vnd.tcpdump.pcap': 'pcap pcapng',
    'image/svg+xml': 'svg',
    'image/png': 'png',
    'image/jpeg': 'jpg jpeg',
    'image/gif': 'gif',
    'image/webp': 'webp',
    'image/avif': 'avif',
    'image/x-icon': 'ico',
    'font/woff': 'woff',
    'font/woff2': 'woff2',
    'font/ttf': 'ttf',
    'font/otf': 'otf',
    'audio/mpeg': 'mp3',
    'audio/ogg': 'ogg oga opus',
    'audio/wav': 'wav',
    'audio/flac': 'flac',
    'video/mp4': 'mp4 m4v',
    'video/webm': 'webm',
    'video/ogg': 'ogv',
    'video/quicktime': 'mov',
  }).flatMap(([type, extensions]) => {
    const isText = type.startsWith('text/') || type === 'application/json' || type === 'application/xml';
    return extensions.split(' ').map((extension) => [extension, isText ? type + text : type] as const);
  }),
);
