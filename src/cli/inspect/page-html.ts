/** The page, before there is anything to show. */
export const pageHtml: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ktls inspect</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script type="module" src="/inspect/page/main.js"></script>
</head>
<body>
<header class="top">
  <div class="brand"><span class="mark" aria-hidden="true"></span><h1>ktls <b>inspect</b></h1></div>
  <p class="serves" id="serves"></p>
  <p class="link" id="link" role="status">connecting</p>
</header>
<main>
  <section class="overview" id="overview" aria-label="All connections"></section>
  <div class="legend" aria-hidden="true">
    <span><i class="swatch kernel"></i>kernel</span>
    <span><i class="swatch native"></i>native</span>
    <span><i class="swatch wasm"></i>wasm</span>
    <span><i class="tick epoch"></i>new keys</span>
    <span><i class="tick request"></i>request</span>
    <span class="end"><i class="line out"></i>out</span>
    <span><i class="line in"></i>in</span>
  </div>
  <section id="connections" aria-label="Connections, newest first"></section>
  <p class="empty" id="empty">No connections yet. They appear here as soon as a client connects.</p>
</main>
<noscript><p class="empty">This page needs JavaScript, its own and no other.</p></noscript>
</body>
</html>
`;
