"""The look of the story page: light and dark, screen and paper."""

STYLE = """
:root{color-scheme:light dark;--ground:#fff;--text:#1c2024;--soft:#5b6570;--line:#d9dee3;
--panel:#f5f7f9;--link:#0b5cad;--accent:#0072b2;--warn:#a64b00;--warn-ground:#fdf1e5}
@media (prefers-color-scheme:dark){:root{--ground:#14171a;--text:#e4e7ea;--soft:#9aa5b1;
--line:#343b43;--panel:#1d2227;--link:#7db8f0;--accent:#56b4e9;--warn:#f0a860;
--warn-ground:#2c2218}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--ground);color:var(--text);
font:16px/1.55 system-ui,-apple-system,"Segoe UI","Noto Sans","DejaVu Sans",sans-serif}
a{color:var(--link);text-underline-offset:.15em}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:3px solid var(--accent);
outline-offset:2px}
.skip{position:absolute;left:-99em}
.skip:focus{left:1rem;top:1rem;background:var(--ground);padding:.5rem;z-index:2}
.frame{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:84rem;margin:0 auto}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:1.5rem 1rem;
font-size:.875rem;line-height:1.4;border-right:1px solid var(--line)}
nav ol{list-style:none;margin:0;padding:0}
nav ol ol{padding-left:.8rem}
nav li{margin:.3rem 0}
nav a{text-decoration:none;color:var(--soft)}
nav a:hover{color:var(--link);text-decoration:underline}
nav .study{color:var(--text);font-weight:600;display:block;margin-top:1rem}
main{padding:1.5rem 2rem 4rem;min-width:0}
p,ul,ol,dl,h1,h2,h3,h4{max-width:46rem}
h1{font-size:1.9rem;line-height:1.2;margin:.2rem 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.65rem;line-height:1.25;margin:3.5rem 0 .5rem;padding-top:1.2rem;
border-top:3px solid var(--accent);overflow-wrap:anywhere;max-width:none}
h3{font-size:1.2rem;margin:2.6rem 0 .6rem;line-height:1.3}
h4{font-size:.9rem;margin:1.4rem 0 .3rem;overflow-wrap:anywhere}
.question{font-size:1.1rem;color:var(--soft)}
.notice{background:var(--warn-ground);color:var(--text);border-left:4px solid var(--warn);
padding:.6rem 1rem;max-width:46rem}
.short li{margin:.45rem 0}
.reading{background:var(--panel);border-left:4px solid var(--accent);padding:.5rem 1rem;
margin:.5rem 0;max-width:46rem}
.reading p{margin:.3rem 0}
.reading a,.reads a,td a,.short a.n{color:inherit;text-decoration-color:var(--accent);
text-decoration-thickness:1px;text-decoration-style:dotted}
.scroll{overflow-x:auto;margin:1.2rem 0 .4rem}
table{border-collapse:collapse;font-size:.83rem;line-height:1.35;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:.9rem;padding-bottom:.5rem;max-width:46rem}
th,td{padding:.28rem .7rem .28rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--line)}
thead th{border-bottom:2px solid var(--soft);font-weight:600;vertical-align:bottom}
tbody th{font-weight:500}
td.where{color:var(--soft);font-size:.75rem}
td.warn{color:var(--warn);font-weight:600}
figure{margin:1.6rem 0}
figure img{max-width:100%;height:auto;display:block;background:#fff;border-radius:3px}
@media (prefers-color-scheme:dark){figure img{padding:6px;filter:brightness(.93)}}
figcaption{font-size:.85rem;color:var(--soft);margin-top:.5rem;max-width:46rem;line-height:1.45}
.reads{margin:.5rem 0 0;font-size:.95rem}
figcaption b{color:var(--text)}
details{max-width:46rem;margin:.4rem 0 1rem;font-size:.85rem;color:var(--soft)}
summary{cursor:pointer}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1rem;font-size:.9rem}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
code,pre{font:.85em/1.45 ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{background:var(--panel);padding:.8rem;overflow:auto;white-space:pre-wrap}
.origins dl{font-size:.78rem;gap:.1rem .8rem}
.origins article:target{background:var(--panel);outline:2px solid var(--accent);outline-offset:6px}
footer{margin-top:4rem;border-top:1px solid var(--line);color:var(--soft);font-size:.85rem}
@media (max-width:60rem){.frame{display:block}nav{position:static;max-height:none;border:0;
border-bottom:1px solid var(--line)}main{padding:1rem}}
@media print{:root{color-scheme:light;--ground:#fff;--text:#000;--soft:#444;--line:#bbb;
--panel:#f3f3f3;--link:#000;--accent:#555;--warn:#000;--warn-ground:#fff}
body{font-size:10pt}.frame{display:block}nav{border:0}main{padding:0}h2{break-before:page}
h3,caption{break-after:avoid}figure,tr,.reading{break-inside:avoid}figure img{max-height:22cm;
filter:none;padding:0}.scroll{overflow:visible}table{font-size:7.5pt}details:not([open]){display:none}
a{text-decoration:none}}
"""
