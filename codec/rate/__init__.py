"""Rate control: the quality that meets a wanted size, PSNR or MS-SSIM."""
