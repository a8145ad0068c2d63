{const d=document.documentElement.dataset,list=l=>l?l.split(' '):[],load=l=>l.forEach(f=>fetch(f).then(r=>r.blob()).catch(()=>{})),page=new Promise(r=>addEventListener('DOMContentLoaded',r)),
inert=/^(?:[^<]|<!(?:--[^<>]*--)?>|<\/?(?!(?:script|style|i?frame|frameset|object|embed|applet|base|link|meta|template|noscript)\b)[a-z][a-z\d-]*(?:\s+(?!on|srcdoc|style|formaction)[a-z\d-]+(?:="[^"<]*")?)*\s*\/?>)*$/i;
window.trustedTypes?.createPolicy('default',{createHTML:t=>inert.test(t)?t:null});
if(d.address)history.replaceState(null,'',d.address);
const wasm=fetch(d.wasm);load(list(d.pageFiles));import(d.js).then(async m=>{await m.default({module_or_path:wasm});await page;await m.hydrate();navigator.connection?.saveData||setTimeout(load,2000,list(d.otherFiles))})}
